"""The categories: what each is called, who asks for its blocking, and how its names are answered unless told otherwise.

Ids and numbers stand in `config.words`, with the rest of the configuration's vocabulary.
"""

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from safedns.config.words import GROUPS, NEVER_BLOCKED, ONLY_BY_NAME


class Authority(StrEnum):
    """Who asks for a block."""

    LAW = "law"
    PROVIDER = "provider"
    HOUSEHOLD = "household"

    @property
    def extended_error(self) -> int:
        """Extended DNS Error code (RFC 8914 sections 4.16-4.18): 16 Censored, 15 Blocked, 17 Filtered."""
        return _EXTENDED_ERRORS[self]


_EXTENDED_ERRORS: Final = {Authority.LAW: 16, Authority.PROVIDER: 15, Authority.HOUSEHOLD: 17}

# A household that switches off the security group is the exception: it is the provider's service.
_GROUP_AUTHORITIES: Final = {"illegal": Authority.LAW, "security": Authority.PROVIDER}

# Where a page would only hurt: a part of an ordinary site that fails at once is better than one that asks.
_MODES: Final = {"ads_trackers": "null"}


@dataclass(frozen=True, slots=True)
class Category:
    """A kind of names.

    Attributes:
        id: stable word, as in `gambling`.
        number: 0 to 63, stable: the bit in a compiled blocklist.
        group: the group that it belongs to.
        vietnamese: what people call it.
        english: the same in English.
        description: what a name in it offers or does, as a sentence.
    """

    id: str
    number: int
    group: str
    vietnamese: str
    english: str
    description: str

    @property
    def authority(self) -> Authority:
        """Who asks for its blocking."""
        return _GROUP_AUTHORITIES.get(self.group, Authority.HOUSEHOLD)

    @property
    def mode(self) -> str:
        """Answer mode unless the configuration sets another."""
        return _MODES.get(self.id, "sinkhole")

    @property
    def blockable(self) -> bool:
        """Whether a configuration may block it."""
        return self.group != NEVER_BLOCKED

    @property
    def blocked_with_group(self) -> bool:
        """Whether blocking the group blocks it; if not, it is blocked only where it is named itself."""
        return self.id not in ONLY_BY_NAME


_TEXTS: Final = {
    "csam": ("Hình ảnh xâm hại tình dục trẻ em", "Child sexual abuse material", "Shows the sexual abuse of children."),
    "court_ministry_order": (
        "Theo lệnh của cơ quan nhà nước",
        "Order of a court or ministry",
        "Blocked by legal order.",
    ),
    "child_abuse_report": (
        "Bị tố giác xâm hại trẻ em",
        "Reported child abuse",
        "Reported for harming children, confirmed.",
    ),
    "malware": ("Phần mềm độc hại", "Malware", "Spreads or controls malicious software."),
    "phishing": ("Lừa đảo giả mạo", "Phishing", "Pretends to be another site to steal passwords or money."),
    "scam": ("Lừa đảo", "Scam", "Takes money for what does not exist."),
    "cryptojacking": ("Đào tiền ảo trái phép", "Cryptojacking", "Mines cryptocurrency on visitors' devices."),
    "stalkerware": ("Phần mềm theo dõi lén", "Stalkerware", "Spies on a person's phone."),
    "ddos": ("Tấn công từ chối dịch vụ", "Attacks for hire", "Sells attacks that overload others' services."),
    "newly_registered": (
        "Tên miền mới đăng ký",
        "Newly registered name",
        "Registered so recently that nobody knows it.",
    ),
    "porn": ("Khiêu dâm", "Pornography", "Shows sexual acts."),
    "mixed_adult": ("Có lẫn nội dung người lớn", "Partly adult", "Mixes ordinary and sexual content."),
    "nudity_lingerie": ("Khỏa thân, nội y", "Nudity and lingerie", "Shows nudity or underwear without sexual acts."),
    "dating": ("Hẹn hò", "Dating", "Arranges meetings between strangers."),
    "sex_education": ("Giáo dục giới tính", "Sex education", "Explains sexuality and health."),
    "violence_hate": ("Bạo lực, thù hận", "Violence and hate", "Calls for violence or hatred."),
    "self_harm_suicide": ("Tự hại, tự tử", "Self-harm and suicide", "Encourages people to hurt themselves."),
    "eating_disorder": ("Rối loạn ăn uống", "Eating disorders", "Praises starving or purging."),
    "weapons": ("Vũ khí", "Weapons", "Sells weapons or explains how to make them."),
    "drugs": ("Ma túy", "Drugs", "Sells or praises illegal drugs."),
    "alcohol_tobacco_vape": (
        "Rượu bia, thuốc lá",
        "Alcohol and tobacco",
        "Sells or advertises alcohol, tobacco or vapes.",
    ),
    "extremism": ("Cực đoan", "Extremism", "Recruits for or praises terrorism."),
    "gore_shock": ("Máu me, gây sốc", "Gore and shock", "Shows injury or death to shock."),
    "gambling": ("Cờ bạc, cá cược", "Gambling", "Offers games or bets for money."),
    "loan_scam": ("Tín dụng đen", "Loan sharks", "Lends on terms that the law forbids."),
    "crypto": ("Tiền ảo", "Cryptocurrency", "Trades or advertises cryptocurrency."),
    "shopping": ("Mua sắm", "Shopping", "Sells goods."),
    "social_networks": ("Mạng xã hội", "Social networks", "Lets people publish to and follow each other."),
    "chat_messengers": ("Nhắn tin", "Chat and messengers", "Carries messages and calls between people."),
    "video_streaming": ("Xem phim, video", "Video streaming", "Plays films and videos."),
    "games": ("Trò chơi", "Games", "Offers games without money at stake."),
    "forums": ("Diễn đàn", "Forums", "Lets people discuss in public."),
    "live_streaming": ("Phát trực tiếp", "Live streaming", "Broadcasts people live."),
    "ai_chat": ("Trò chuyện với AI", "AI chat", "Answers in conversation with software."),
    "dns_bypass": ("Vượt lọc qua DNS", "Other DNS resolvers", "Resolves names past this filter."),
    "vpn_proxy": ("VPN, proxy", "VPN and proxies", "Carries traffic past this filter."),
    "tor": ("Mạng Tor", "Tor", "Leads into the Tor network."),
    "remote_control": ("Điều khiển từ xa", "Remote control", "Controls another computer."),
    "search_no_safesearch": ("Tìm kiếm không an toàn", "Search without safe search", "Searches without a safe mode."),
    "shortener": ("Rút gọn liên kết", "Link shorteners", "Hides where a link leads."),
    "dynamic_dns": ("DNS động", "Dynamic DNS", "Gives names to changing home addresses."),
    "piracy": ("Vi phạm bản quyền", "Piracy", "Offers films, games or software without a licence."),
    "file_sharing": ("Chia sẻ tệp", "File sharing", "Stores files that anybody uploads."),
    "cheating": ("Gian lận học tập", "Cheating", "Sells homework and exam answers."),
    "ads_trackers": ("Quảng cáo, theo dõi", "Ads and trackers", "Advertises, or follows people across sites."),
    "fakenews": ("Tin giả", "Fake news", "Publishes invented news."),
    "child_safe": ("An toàn cho trẻ em", "Safe for children", "Made for children."),
    "education": ("Giáo dục", "Education", "Teaches."),
    "help": ("Trợ giúp", "Help", "Helps people in need, children first."),
    "gov": ("Cơ quan nhà nước", "Government", "Belongs to the government or a school."),
}

CATEGORIES: Final = tuple(
    Category(word, number, group, *_TEXTS[word])
    for group, numbers in GROUPS.items()
    for word, number in numbers.items()
)
"""All categories, strongest group first."""

BY_ID: Final = MappingProxyType({category.id: category for category in CATEGORIES})
BY_NUMBER: Final = MappingProxyType({category.number: category for category in CATEGORIES})
