from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from safedns.config.build import from_json, to_json
from safedns.config.load import MAX_FILE_SIZE, Overrides, load, read
from safedns.config.model import AUTO, Config, to_plain
from safedns.config.units import Endpoint
from safedns.errors import ConfigError

SHIPPED = Path(__file__).parents[3] / "config" / "safedns.yaml"


@pytest.fixture
def resolv_conf(tmp_path: Path) -> Path:
    path = tmp_path / "resolv.conf"
    path.write_text("# none\nsearch lan\nnameserver 127.0.0.1\nnameserver 127.0.0.53\nnameserver 2001:db8::1\n")
    return path


def write(tmp_path: Path, text: str | bytes) -> str:
    path = tmp_path / "safedns.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


NO_FLAGS = Overrides()


def error_of(path: str, overrides: Overrides = NO_FLAGS) -> str:
    with pytest.raises(ConfigError) as caught:
        read(path, overrides)
    return str(caught.value).replace(path, "FILE")


def test_the_shipped_file_has_every_key_with_its_default() -> None:
    import yaml

    assert read(str(SHIPPED)) == Config()

    def keys(plain: object, path: str = "") -> set[str]:
        if not isinstance(plain, dict) or path == ".answer.modes":
            return {path}
        return set().union(*(keys(value, f"{path}.{key}") for key, value in plain.items()))

    assert keys(yaml.safe_load(SHIPPED.read_text())) == keys(to_plain(Config()))


def test_every_key_of_the_shipped_file_has_a_comment_before_it_or_its_section() -> None:
    lines = SHIPPED.read_text().splitlines()
    for number, line in enumerate(lines):
        if ":" in line and not line.lstrip().startswith(("#", "-")) and not line.endswith(":"):
            assert lines[number - 1].lstrip().startswith(("#", "sinkhole_ipv4")), line


def test_without_a_file_the_defaults_hold() -> None:
    assert read(None) == Config()


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "\ufeffworkers: 1\n", "workers: 1\r\ncache:\r\n"])
def test_files_that_say_nothing_new(tmp_path: Path, text: str) -> None:
    assert read(write(tmp_path, text)) == Config()


def test_every_problem_has_its_line(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "workers: yes\n"
        "listen:\n"
        "  - 127.0.0.1:53\n"
        "  - localhost:53\n"
        "cache:\n"
        "  size: 8 MB\n"
        "  sice: 8 MiB\n"
        "cache: {}\n"
        "1: 2\n"
        "web: {listen: [127.0.0.1:53]}\n"
        "upstream:\n"
        "  servers:\n"
        "  - 127.0.0.1:53\n",
    )
    assert error_of(path).splitlines() == [
        "FILE:8: cache: expected each key once, found it a second time",
        "FILE:9: expected a key, found '1'",
        "FILE:1: workers: expected 'auto' or a whole number from 1 to 256, found true",
        "FILE:4: listen[1]: expected an IP address with port such as '192.168.1.1:53' or '[::1]:53', found "
        "'localhost:53' (use an IP address, not a name)",
        "FILE:6: cache.size: expected a size from 64 KiB to 4 GiB such as '8 MiB', found '8 MB' (the units are GiB, "
        "MiB, KiB, B)",
        "FILE:7: cache.sice: expected a known key, found 'sice' (did you mean 'size'?)",
        "FILE:13: upstream.servers[0]: expected another resolver than this one, found '127.0.0.1:53' (it is in listen)",
        "FILE:10: web.listen[0]: expected an address and port of its own, found '127.0.0.1:53' (another key has it)",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [", "FILE:1: expected YAML, found: "),
        ("workers: 1\n\tuser: x", "FILE:2: expected YAML, found: "),
        ("a: 1\n--- \nb: 2", "FILE:2: expected YAML, found: but found another document"),
        (b"user: \xff", "FILE: expected UTF-8 text, found byte 0xff at 6"),
        ("user: a\x00b", "FILE: expected YAML, found: unacceptable character"),
        ("a: &x [*x]", "FILE:1: expected a value, found the alias *x"),
        ("- 1", "FILE:1: expected keys and values, found a list"),
        ("? [a]\n: 1", "FILE:1: expected a key, found "),
        ("workers: 0x1", "FILE:1: workers: expected 'auto' or a whole number from 1 to 256, found '0x1'"),
        ("workers: " + "9" * 5000, "FILE:1: workers: expected 'auto'"),
        ("user: 2024-99-99\nworkers: !!python/object:os.system x", "FILE:2: workers: expected 'auto'"),
        ("a:" * 10, "FILE:1: "),
        ("[" * 100_000, "FILE:1: expected at most 16 levels of lists and keys, found more"),
        ("#" * (MAX_FILE_SIZE + 1), f"FILE: expected a configuration, found a file of more than {MAX_FILE_SIZE} bytes"),
    ],
)
def test_what_is_no_configuration(tmp_path: Path, text: str | bytes, expected: str) -> None:
    assert error_of(write(tmp_path, text)).startswith(expected)


def test_a_file_that_can_not_be_read(tmp_path: Path) -> None:
    assert error_of(str(tmp_path / "none")).endswith("expected a configuration file, found: No such file or directory")
    assert error_of(str(tmp_path)).endswith("expected a configuration file, found: Is a directory")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.text(alphabet=st.sampled_from("workerslitn: []{}-\n\t'\"#&*!|>%@01.")) | st.binary())
def test_any_content_is_a_configuration_or_an_error_with_the_file(tmp_path: Path, content: str | bytes) -> None:
    path = write(tmp_path, content)
    found = ""
    try:
        read(path)
    except ConfigError as error:
        found = str(error)
    assert all(line.startswith(path) for line in found.splitlines())


def test_flags_override_the_file(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "workers: 2\nlisten: [192.0.2.1:53]\nweb: {tls: []}\nblocklist: {file: b.bin}\n"
        "upstream: {servers: [192.0.2.9]}",
    )
    overrides = Overrides(
        listen=("127.0.0.1:1053", "[::1]:1053"),
        web=("127.0.0.1:8053",),
        upstream=("192.0.2.53:5353",),
        blocklist="/tmp/other.bin",
        user="dns",
        workers="auto",
    )
    config = read(path, overrides)
    assert config.listen == (Endpoint("127.0.0.1", 1053), Endpoint("::1", 1053))
    assert config.web.listen == (Endpoint("127.0.0.1", 8053),)
    assert config.web.tls == ()
    assert config.upstream.servers == (Endpoint("192.0.2.53", 5353),)
    assert config.blocklist.file == "/tmp/other.bin"
    assert config.workers == AUTO
    assert config.user == "dns"
    assert read(path, Overrides(tls=("127.0.0.1:8443",))).web.tls == (Endpoint("127.0.0.1", 8443),)
    assert read(None, overrides).listen == config.listen


def test_a_wrong_flag_is_named(tmp_path: Path) -> None:
    overrides = Overrides(listen=("127.0.0.1",), workers="0", upstream=("dns.example",), web=("x",), tls=("y",))
    found = error_of(write(tmp_path, "web: {}\n"), overrides).splitlines()
    assert sorted(line.split(": ")[:2] for line in found) == [
        ["--listen", "listen[0]"],
        ["--tls", "web.tls[0]"],
        ["--upstream", "upstream.servers[0]"],
        ["--web", "web.listen[0]"],
        ["--workers", "workers"],
    ]


def test_a_flag_over_a_section_that_is_none_keeps_the_problem_in_sight(tmp_path: Path) -> None:
    assert "FILE:1: wbe" in error_of(write(tmp_path, "wbe: {}\n"), Overrides(web=("127.0.0.1:8053",)))


def test_a_path_in_the_file_starts_at_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, "blocklist: {file: lists/b.bin}\n")
    assert read(path).blocklist.file == str(tmp_path / "lists" / "b.bin")
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    assert read(path, Overrides(blocklist="c.bin")).blocklist.file == str(work / "c.bin")


def test_upstreams_come_from_the_system_if_none_are_set(tmp_path: Path, resolv_conf: Path) -> None:
    config = load(None, resolv_conf=resolv_conf)
    assert config.upstream.servers == (Endpoint("127.0.0.53", 53), Endpoint("2001:db8::1", 53))
    assert from_json(to_json(config)) == config
    set_by_hand = load(None, Overrides(upstream=("192.0.2.7",)), resolv_conf=resolv_conf)
    assert set_by_hand.upstream.servers == (Endpoint("192.0.2.7", 53),)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "nameserver 127.0.0.1\nnameserver 0.0.0.0\n",
        "nameserver fe80::1%eth0\nnameserver fe80::1\n",
        "nameserver\nnameserver dns.example\noptions edns0\n",
        "nameserver 192.0.2.1\n",
        None,
    ],
)
def test_without_an_upstream_it_says_what_to_do(resolv_conf: Path, content: str | None) -> None:
    resolv_conf.unlink()
    if content is not None:
        resolv_conf.write_text(content)
    with pytest.raises(ConfigError, match=r"--upstream 9\.9\.9\.9"):
        load(None, Overrides(listen=("192.0.2.1:53", "127.0.0.1:53")), resolv_conf=resolv_conf)
