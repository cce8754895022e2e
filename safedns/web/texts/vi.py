"""Tiếng Việt."""

from typing import Final

PAGE: Final = {
    "language": "Tiếng Việt",
    "product": "SafeDNS",
    "tagline": "Bảo vệ gia đình trên mạng",
    "blocked.title": "Trang web này đã bị chặn",
    "blocked.lead": "Mạng bạn đang dùng không mở trang này vì trang thuộc danh mục:",
    "open.title": "Trang web này không bị chặn",
    "open.lead": "Trang này hiện không (hoặc không còn) bị chặn. Hãy tải lại sau {seconds} giây.",
    "open.why": (
        "Thiết bị của bạn còn nhớ câu trả lời cũ thêm vài giây. Nếu tải lại vẫn thấy trang này,"
        " hãy đóng trình duyệt rồi mở lại."
    ),
    "invalid.title": "Không đọc được tên trang web",
    "invalid.lead": "Thiết bị của bạn đã hỏi một trang web mà không cho biết tên hợp lệ của trang đó.",
    "lookup.title": "Trang web này có bị chặn không?",
    "lookup.lead": "Nhập tên hoặc địa chỉ một trang web để xem trang đó có bị chặn trên mạng này không, và vì sao.",
    "lookup.label": "Tên trang web",
    "lookup.example": "Ví dụ: example.com",
    "lookup.button": "Kiểm tra",
    "lookup.invalid": "Đây không phải là tên một trang web. Hãy nhập dạng như example.com.",
    "lookup.blocked": "Bị chặn",
    "lookup.open": "Không bị chặn",
    "lookup.blocked.lead": "Trang này bị chặn trên mạng này vì thuộc danh mục:",
    "lookup.nolist": "Mạng này hiện chưa có danh sách chặn nào, nên không trang nào bị chặn.",
    "missing.title": "Không có trang này",
    "missing.lead": "Địa chỉ bạn mở không có ở đây.",
    "facts.title": "Điều gì đã quyết định",
    "facts.rule": "Quy tắc",
    "facts.authority": "Ai yêu cầu chặn",
    "facts.list": "Danh sách",
    "facts.serial": "bản số {serial}",
    "facts.entry": "Mục khớp",
    "facts.none": "không có",
    "next.title": "Bạn có thể làm gì",
    "next.adult": "Nếu bạn còn nhỏ: hãy hỏi bố mẹ, thầy cô hoặc người lớn mà bạn tin tưởng.",
    "next.security": "Đừng tìm cách mở trang này: nó có thể lấy mật khẩu, tiền hoặc làm hỏng thiết bị của bạn.",
    "next.help": (
        "Nếu bạn đang buồn, sợ hoặc bị ai đó làm hại: hãy nói ngay với một người bạn tin tưởng. Bạn không có lỗi."
    ),
    "next.helpline": "Nếu có ai trên mạng ép buộc hoặc làm bạn sợ, hãy gọi:",
    "next.lookup": "Kiểm tra một trang web khác",
    "next.mistake": "Nếu bạn nghĩ trang bị chặn nhầm, hãy liên hệ:",
    "next.manager": "Nếu bạn nghĩ trang bị chặn nhầm, hãy báo cho người quản lý mạng này.",
    "privacy": "SafeDNS không ghi lại ai đã mở trang nào.",
}

RULES: Final = {
    "category": "Danh mục bị chặn trên mạng này",
    "protected": "Tên được bảo vệ, không danh sách nào được chặn",
    "special": "Tên đặc biệt, được trả lời ngay trên mạng này",
    "default": "Không quy tắc nào chặn",
}

AUTHORITIES: Final = {
    "law": "Cơ quan nhà nước, theo quy định pháp luật",
    "provider": "Nhà cung cấp dịch vụ mạng, để bảo vệ an toàn",
    "household": "Người quản lý mạng này",
}

HELPLINES: Final = {
    "111": "Tổng đài điện thoại quốc gia bảo vệ trẻ em",
    "113": "Công an",
    "115": "Cấp cứu y tế",
}
