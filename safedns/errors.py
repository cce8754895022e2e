"""What can go wrong, as one tree.

SafeDNSError          one sentence for people: what was expected, what was found, what to do
├── ConfigError       the configuration can't be used
├── BlocklistError    a list or a compiled blocklist can't be used
├── SyncError         a release can't be published, fetched or trusted
├── CoordinatorError  the coordinator can't do what was asked of it
└── ServeError        a running system lacks something: a port, a capability, an upstream
"""


class SafeDNSError(Exception):
    """An error whose text a person can act on; commands print it and end with status 2."""


class ConfigError(SafeDNSError):
    """The configuration can't be used; the text has a line for each thing that is wrong."""


class BlocklistError(SafeDNSError):
    """A list or a compiled blocklist can't be used; what was there before stays in use."""


class SyncError(SafeDNSError):
    """A release can't be published, fetched or trusted; the blocklist in use stays."""


class CoordinatorError(SafeDNSError):
    """The coordinator can't do what was asked of it; nothing was changed."""


class ServeError(SafeDNSError):
    """The system lacks something that serving needs: a port, a capability, an upstream."""
