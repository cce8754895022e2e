"""English."""

from typing import Final

PAGE: Final = {
    "language": "English",
    "product": "SafeDNS",
    "tagline": "Protects families online",
    "blocked.title": "This site is blocked",
    "blocked.lead": "The network you are using does not open this site because it is in the category:",
    "open.title": "This site is not blocked",
    "open.lead": "This site is not (or no longer) blocked. Please reload in {seconds} seconds.",
    "open.why": (
        "Your device remembers the old answer for a few seconds more. If reloading still shows this page, close the"
        " browser and open it again."
    ),
    "invalid.title": "The site’s name can’t be read",
    "invalid.lead": "Your device asked for a site without saying a valid name.",
    "lookup.title": "Is this site blocked?",
    "lookup.lead": "Enter the name or address of a site to see whether it is blocked on this network, and why.",
    "lookup.label": "Name of the site",
    "lookup.example": "For example: example.com",
    "lookup.button": "Check",
    "lookup.invalid": "This is not the name of a site. Enter something like example.com.",
    "lookup.blocked": "Blocked",
    "lookup.open": "Not blocked",
    "lookup.blocked.lead": "This site is blocked on this network because it is in the category:",
    "lookup.nolist": "This network has no blocklist at the moment, so no site is blocked.",
    "missing.title": "There is no such page",
    "missing.lead": "The address that you opened is not here.",
    "facts.title": "What decided this",
    "facts.rule": "Rule",
    "facts.authority": "Who asked for it",
    "facts.list": "List",
    "facts.serial": "version {serial}",
    "facts.entry": "Matching entry",
    "facts.none": "none",
    "next.title": "What you can do",
    "next.adult": "If you are young: ask your parents, a teacher or another adult you trust.",
    "next.security": "Don’t try to get around this: the site may take passwords or money, or damage your device.",
    "next.help": (
        "If you are sad, afraid or being hurt by someone: tell a person you trust, now. It is not your fault."
    ),
    "next.helpline": "If anyone online pressures or frightens you, call:",
    "next.lookup": "Check another site",
    "next.mistake": "If you think this is a mistake, contact:",
    "next.manager": "If you think this is a mistake, tell whoever manages this network.",
    "privacy": "SafeDNS keeps no record of who opened which site.",
}

RULES: Final = {
    "category": "A category that is blocked on this network",
    "protected": "A protected name, which no list may block",
    "special": "A special name, answered within this network",
    "default": "No rule blocks it",
}

AUTHORITIES: Final = {
    "law": "The authorities, as the law requires",
    "provider": "The network provider, for your security",
    "household": "Whoever manages this network",
}

HELPLINES: Final = {
    "111": "National child protection hotline (Vietnam)",
    "113": "Police (Vietnam)",
    "115": "Ambulance (Vietnam)",
}
