"""The age presets: made of blocklists/categories.yaml by `make tables`; change it there."""

from typing import Final

# fmt: off
PRESETS: Final[
    tuple[tuple[str, str, str, str, str, tuple[str, ...]], ...]
] = (
    ("0-10", "Trẻ em đến 10 tuổi", "Children up to 10",
     "Chặn tất cả các nhóm, kể cả mạng xã hội, trò chơi và mua sắm; chỉ mở phần còn lại.",
     "Blocks every group, social networks, games and shopping with them, and leaves the rest open.", ("illegal",
     "security", "adult", "sex_education", "harm", "money", "social", "bypass", "other")),
    ("11-15", "Thiếu niên 11–15 tuổi", "Teenagers of 11 to 15",
     "Chặn nội dung người lớn, độc hại, cờ bạc, tiền ảo, vượt lọc và gian lận; mở mạng xã hội và trò chơi.",
     "Blocks adult and harmful content, gambling, bypass and cheating; social networks and games are open.",
     ("illegal", "security", "adult", "harm", "gambling", "loan_scam", "crypto", "live_streaming", "bypass", "piracy",
     "cheating", "ads_trackers")),
    ("16-17", "Thiếu niên 16–17 tuổi", "Teenagers of 16 and 17",
     "Chặn nội dung người lớn, độc hại, cờ bạc, tín dụng đen và vượt lọc.",
     "Blocks adult and harmful content, gambling, loan sharks and bypass.", ("illegal", "security", "adult", "harm",
     "gambling", "loan_scam", "bypass")),
    ("adult", "Người lớn", "Adults", "Chỉ chặn những gì trái pháp luật và những gì tấn công người dùng.",
     "Blocks only what is illegal and what attacks people.", ("illegal", "security")),
    ("guest", "Khách và thiết bị thông minh", "Guests and smart devices",
     "Như người lớn, và chặn thêm những cách đi vòng qua bộ lọc.", "As for adults, and the ways around this filter.",
     ("illegal", "security", "dns_bypass", "vpn_proxy", "tor")),
)
"""Id, name and description in Vietnamese and English, groups and categories that are blocked."""
# fmt: on
