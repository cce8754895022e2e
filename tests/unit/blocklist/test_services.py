"""A switch blocks its service and nothing else."""

from collections import Counter
from pathlib import Path

import pytest

from safedns.blocklist.categories import BY_ID
from safedns.blocklist.protected import built_in, merge, read_protected
from safedns.blocklist.services import SERVICES, select
from safedns.blocklist.suffixes import public_suffixes
from safedns.errors import BlocklistError

ROOT = Path(__file__).parents[3]
PROTECTED = merge(built_in(), read_protected(str(ROOT / "blocklists/protected.txt")))
DATA = ROOT.parent / "shared/data/services"


def is_under(name: str, names: tuple[str, ...]) -> bool:
    """Whether a name is one of some, or below one."""
    return any(name == each or name.endswith(f".{each}") for each in names)


# What must stay as it was: the service that is blocked, a name, and whose it is.
OPEN = [
    ("messenger", "www.facebook.com", "Facebook"),
    ("messenger", "m.facebook.com", "Facebook"),
    ("messenger", "graph.facebook.com", "Facebook and signing in to other apps"),
    ("messenger", "edge-mqtt.facebook.com", "notifications of Facebook"),
    ("messenger", "static.xx.fbcdn.net", "Facebook"),
    ("messenger", "i.instagram.com", "Instagram"),
    ("messenger", "web.whatsapp.com", "WhatsApp"),
    ("facebook", "www.instagram.com", "Instagram"),
    ("facebook", "scontent.cdninstagram.com", "Instagram"),
    ("facebook", "scontent-hkg4-1.xx.fbcdn.net", "Instagram, Threads"),
    ("facebook", "web.whatsapp.com", "WhatsApp"),
    ("facebook", "mmg.whatsapp.net", "WhatsApp"),
    ("facebook", "www.threads.net", "Threads"),
    ("facebook", "www.meta.com", "Meta"),
    ("instagram", "www.facebook.com", "Facebook"),
    ("instagram", "static.xx.fbcdn.net", "Facebook"),
    ("instagram", "www.messenger.com", "Messenger"),
    ("instagram", "web.whatsapp.com", "WhatsApp"),
    ("threads", "www.instagram.com", "Instagram"),
    ("threads", "scontent.cdninstagram.com", "Instagram"),
    ("threads", "www.facebook.com", "Facebook"),
    ("whatsapp", "www.facebook.com", "Facebook"),
    ("whatsapp", "graph.facebook.com", "Facebook and signing in to other apps"),
    ("whatsapp", "static.xx.fbcdn.net", "Facebook"),
    ("whatsapp", "www.instagram.com", "Instagram"),
    ("whatsapp", "www.messenger.com", "Messenger"),
    ("tiktok", "www.capcut.com", "CapCut"),
    ("tiktok", "www.lemon8-app.com", "Lemon8"),
    ("tiktok", "api16-normal-useast5.byteoversea.com", "CapCut, Lemon8"),
    ("tiktok", "launches.appsflyersdk.com", "apps of all makers"),
    ("x", "grok.com", "Grok"),
    ("x", "www.netflix.com", "Netflix, whose name ends like x.com"),
    ("x", "outlook.live.com", "mail"),
    ("snapchat", "www.bitmoji.com", "pictures in other apps"),
    ("reddit", "spotify.app.link", "Spotify"),
    ("youtube", "www.google.com", "Google search"),
    ("youtube", "www.google.com.vn", "Google search"),
    ("youtube", "mail.google.com", "Gmail"),
    ("youtube", "drive.google.com", "Google Drive"),
    ("youtube", "docs.google.com", "Google documents"),
    ("youtube", "classroom.google.com", "lessons"),
    ("youtube", "meet.google.com", "lessons"),
    ("youtube", "play.google.com", "Google Play"),
    ("youtube", "photos.google.com", "Google Photos"),
    ("youtube", "maps.googleapis.com", "Google Maps"),
    ("youtube", "www.googleapis.com", "apps of all makers"),
    ("youtube", "fonts.googleapis.com", "fonts of most sites"),
    ("youtube", "www.gstatic.com", "connectivity check, most sites"),
    ("youtube", "lh3.googleusercontent.com", "Google accounts"),
    ("youtube", "i.ytimg.com", "pictures in Google search"),
    ("youtube", "play-lh.googleusercontent.com", "Google Play"),
    ("youtube", "redirector.gvt1.com", "updates of Chrome and Android apps"),
    ("youtube", "rr1---sn-8qj-i5oed.googlevideo.com", "videos of other Google services"),
    ("youtube_kids", "www.youtube.com", "YouTube"),
    ("youtube_kids", "youtubei.googleapis.com", "YouTube"),
    ("gemini", "www.google.com", "Google search"),
    ("gemini", "generativelanguage.googleapis.com", "apps of others"),
    ("gemini", "mail.google.com", "Gmail"),
    ("zalo", "gateway.zalopay.vn", "payment"),
    ("zalo", "photo-zmp3.zadn.vn", "Zing MP3"),
    ("zalo", "photo-baomoi.zadn.vn", "a newspaper"),
    ("zalo", "zingmp3.vn", "Zing MP3"),
    ("zalo", "znews.vn", "a newspaper"),
    ("telegram", "ton.org", "a currency"),
    ("discord", "storage.googleapis.com", "storage of apps and sites"),
    ("discord", "discordstatus.com", "status of the service"),
    ("facebook", "lookaside.fbsbx.com", "WhatsApp, Instagram"),
    ("viber", "www.rakuten.com", "Rakuten"),
    ("line", "www.naver.com", "Naver"),
    ("line", "line.worksmobile.com", "LINE WORKS"),
    ("line", "online.vpbank.com.vn", "a bank, with line in its name"),
    ("garena", "shopee.vn", "Shopee, of the same company"),
    ("free_fire", "lienquan.garena.vn", "Liên Quân"),
    ("free_fire", "www.garena.vn", "Garena"),
    ("free_fire", "100067.connect.garena.com", "signing in to Garena"),
    ("minecraft", "login.live.com", "signing in to Windows"),
    ("minecraft", "www.microsoft.com", "Microsoft"),
    ("minecraft", "xsts.auth.xboxlive.com", "Xbox"),
    ("minecraft", "login.microsoftonline.com", "schools"),
    ("minecraft", "download.windowsupdate.com", "updates of Windows"),
    ("pubg", "www.battleye.com", "other games"),
    ("pubg", "igamecj.com", "other games of Tencent"),
    ("epic_games", "www.unrealengine.com", "Unreal Engine"),
    ("epic_games", "download.easyanticheat.net", "other games"),
    ("epic_games", "api.epicgames.dev", "other games"),
    ("riot", "www.vnggames.com", "other games of VNG"),
    ("roblox", "client-api.arkoselabs.com", "the check for humans of other sites"),
    ("steam", "www.valvesoftware.com", "Valve"),
    ("steam", "fbcdn-a.akamaihd.net", "Facebook, Instagram"),
    ("steam", "www.epicgames.com", "Epic Games"),
    ("netflix", "fast.com", "a test of the line's speed"),
    ("spotify", "open.tidal.com", "another service"),
    ("twitch", "fa723fc1b171.us-west-2.playback.live-video.net", "videos of other sites"),
    ("twitch", "www.amazon.com", "Amazon"),
    ("chatgpt", "copilot.microsoft.com", "Microsoft Copilot"),
    ("chatgpt", "www.bing.com", "search"),
    ("chatgpt", "login.microsoftonline.com", "schools"),
    ("chatgpt", "portal.azure.com", "Azure"),
    ("chatgpt", "api.openai.com", "apps of others"),
    ("shopee", "shopeefood.vn", "meals"),
    ("shopee", "spx.vn", "delivery"),
    ("shopee", "shopeepay.vn", "payment"),
    ("shopee", "www.garena.vn", "Garena, of the same company"),
    ("lazada", "www.aliexpress.com", "AliExpress"),
    ("lazada", "img.alicdn.com", "Alibaba"),
    ("lazada", "www.daraz.pk", "Daraz"),
    ("tiki", "www.tiktok.com", "TikTok, whose name begins alike"),
]

# What a switch is for: the service, and a name that its site or app asks for.
BLOCKED = [
    ("tiktok", "www.tiktok.com"), ("tiktok", "api16-normal-c-alisg.tiktokv.com"), ("facebook", "m.facebook.com"),
    ("facebook", "www.messenger.com"), ("messenger", "m.me"), ("instagram", "i.instagram.com"),
    ("instagram", "www.threads.net"), ("threads", "www.threads.com"), ("x", "mobile.twitter.com"),
    ("x", "pbs.twimg.com"), ("snapchat", "app.snapchat.com"), ("pinterest", "i.pinimg.com"),
    ("reddit", "old.reddit.com"), ("zalo", "chat.zalo.me"), ("zalo", "oauth.zaloapp.com"),
    ("whatsapp", "g.whatsapp.net"), ("telegram", "web.telegram.org"), ("discord", "gateway.discord.gg"),
    ("viber", "media.cdn.viber.com"), ("line", "obs.line-scdn.net"), ("youtube", "m.youtube.com"),
    ("youtube", "youtubei.googleapis.com"), ("youtube", "www.youtubekids.com"), ("youtube_kids", "www.youtubekids.com"),
    ("netflix", "www.netflix.com"),
    ("spotify", "open.spotify.com"), ("twitch", "www.twitch.tv"), ("bigo_live", "www.bigo.tv"),
    ("roblox", "www.roblox.com"), ("garena", "lienquan.garena.vn"), ("garena", "ff.garena.com"),
    ("free_fire", "clientbp.ggblueshark.com"), ("minecraft", "api.minecraftservices.com"), ("pubg", "www.pubg.com"),
    ("epic_games", "launcher-public-service-prod06.ol.epicgames.com"), ("riot", "auth.riotgames.com"),
    ("hoyoverse", "genshin.hoyoverse.com"), ("steam", "store.steampowered.com"), ("chatgpt", "chatgpt.com"),
    ("gemini", "gemini.google.com"), ("character_ai", "beta.character.ai"), ("shopee", "cf.shopee.vn"),
    ("lazada", "www.lazada.vn"), ("tiki", "salt.tikicdn.com"),
]  # fmt: skip

# How much of v2fly's lists is blocked, declared shared, and neither: misspellings, country domains that lead to a
# blocked name, aliases at content delivery networks, what others run in the service's name.
COMPARED = [
    ("discord", "discord", 21, 2, 5),
    ("facebook", "facebook", 15, 6, 375),
    ("garena", "garena", 15, 1, 0),
    ("instagram", "instagram", 8, 0, 66),
    ("messenger", "messenger", 3, 0, 1),
    ("netflix", "netflix", 9, 3, 12),
    ("openai", "chatgpt", 4, 8, 10),
    ("pinterest", "pinterest", 13, 0, 39),
    ("pubg", "pubg", 3, 1, 0),
    ("reddit", "reddit", 7, 2, 3),
    ("riot", "riot", 16, 0, 38),
    ("roblox", "roblox", 14, 0, 34),
    ("shopee", "shopee", 11, 1, 9),
    ("spotify", "spotify", 17, 2, 9),
    ("steam", "steam", 25, 4, 31),
    ("telegram", "telegram", 15, 5, 1),
    ("tiktok", "tiktok", 26, 5, 5),
    ("twitch", "twitch", 6, 27, 1),
    ("twitter", "x", 11, 1, 12),
    ("whatsapp", "whatsapp", 9, 0, 4),
    ("youtube", "youtube", 12, 5, 161),
]


def test_the_pairs_are_many_and_of_every_kind() -> None:
    assert len(OPEN) == len(set(OPEN)) >= 60
    assert {service for service, _ in BLOCKED} == set(SERVICES)


@pytest.mark.parametrize(("service", "name", "whose"), OPEN)
def test_blocking_one_leaves_another_open(service: str, name: str, whose: str) -> None:
    assert not is_under(name, SERVICES[service].blocked()), whose


@pytest.mark.parametrize(("service", "name"), BLOCKED)
def test_what_a_switch_is_for_is_blocked(service: str, name: str) -> None:
    assert is_under(name, SERVICES[service].blocked())


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_no_name_is_or_is_above_one_of_a_service_that_is_not_included(service) -> None:
    for other in SERVICES.values():
        if other is not service and other.id not in service.includes:
            assert [name for name in other.names if is_under(name, service.blocked())] == [], other.id


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_what_a_service_shares_stays_open(service) -> None:
    assert [name for name, _ in service.shared if is_under(name, service.names)] == []


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_no_protected_name_is_blocked(service) -> None:
    for each in PROTECTED:
        assert not is_under(each.name, service.blocked()), each
        if each.below:
            assert [name for name in service.blocked() if is_under(name, (each.name,))] == [], each


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_no_name_is_or_is_above_a_public_suffix(service) -> None:
    suffixes = public_suffixes()
    for name in service.names:
        assert name not in suffixes.names
        assert "." in name
        assert name.partition(".")[2] not in suffixes.wildcards or name in suffixes.exceptions
    assert [suffix for suffix in suffixes.names if is_under(suffix, service.names)] == []


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_every_service_has_its_words(service) -> None:
    assert service.vietnamese
    assert service.english
    assert BY_ID[service.category].blockable
    assert len(set(service.names)) == len(service.names) > 0
    assert bool(service.remains) == bool(service.remains_vietnamese)
    # A name below another of the same service would say nothing.
    assert [
        name for name in service.names if is_under(name, tuple(other for other in service.names if other != name))
    ] == []


@pytest.mark.parametrize(("file", "service", "blocked", "shared", "neither"), COMPARED)
def test_how_much_of_the_public_lists_is_blocked(file: str, service: str, blocked: int, shared: int, neither: int):
    path = DATA / f"{file}.txt"
    if not path.exists():
        pytest.skip(f"{path.name} is not here: the lists of v2fly are no part of the project")
    found = Counter(kind(name, service) for name in listed(path))
    assert (found["blocked"], found["shared"], found["neither"]) == (blocked, shared, neither)


def listed(path: Path) -> list[str]:
    """The names of a file of v2fly."""
    words = [line.split()[0] for line in path.read_text().splitlines() if line.split() and line[0] != "#"]
    return [word.removeprefix("full:") for word in words if not word.startswith(("include:", "regexp:"))]


def kind(name: str, service: str) -> str:
    if is_under(name, SERVICES[service].blocked()):
        return "blocked"
    return "shared" if is_under(name, tuple(shared for shared, _ in SERVICES[service].shared)) else "neither"


def test_services_are_selected_by_id() -> None:
    assert select(()) == tuple(SERVICES.values())
    assert [service.id for service in select(["zalo", "tiktok", "zalo"])] == ["zalo", "tiktok"]
    with pytest.raises(BlocklistError, match=r"'tictoc': expected the id of a service"):
        select(["tiktok", "tictoc"])


def test_what_is_included_is_blocked_too() -> None:
    assert {"facebook.com", "messenger.com", "m.me"} <= set(SERVICES["facebook"].blocked())
    assert "facebook.com" not in SERVICES["messenger"].blocked()
    assert len(set(SERVICES["garena"].blocked())) == len(SERVICES["garena"].blocked())
