import os

import pytest

from safedns.config.model import Config
from safedns.config.units import Endpoint
from safedns.errors import ConfigError
from safedns.supervisor.configuration import read_apart


def test_a_configuration_comes_back_as_it_was_read():
    config = Config(listen=(Endpoint("192.0.2.1", 53),), workers=3, contact=("mailto:trợ-giúp@example.com",))
    assert read_apart(lambda: config) == config


def test_it_is_read_in_another_process():
    here = os.getpid()

    def load():
        assert os.getpid() != here
        return Config()

    assert read_apart(load) == Config()


def test_what_is_wrong_is_told_whole():
    text = "safedns.yaml:1: one thing\nsafedns.yaml:2: phải là số"

    def load():
        raise ConfigError(text)

    with pytest.raises(ConfigError) as raised:
        read_apart(load)
    assert str(raised.value) == text


@pytest.mark.parametrize("end", [lambda: 1 / 0, lambda: os.kill(os.getpid(), 9), lambda: os._exit(0)])
def test_a_reader_that_comes_to_grief_is_an_error_and_no_more(end, capfd):
    with pytest.raises(ConfigError):
        read_apart(end)
