import json
import os

import pytest

from lachesis import connect, find_local_servers

pytestmark = pytest.mark.skipif(os.name == "nt", reason="file modes are POSIX")


def write(directory, name="server-1.json", mode=0o600, **changes):
    directory.chmod(0o700)
    tokens = {"operator": "o", "trainer": "t", "worker": "w"}
    content = {"address": "http://127.0.0.1:1", "pid": os.getpid(), "instanceId": "i"}
    path = directory / name
    path.write_text(json.dumps({**content, "tokens": tokens, **changes}))
    path.chmod(mode)
    return path


def test_servers_that_run_are_found_newest_first(tmp_path):
    os.utime(write(tmp_path, "server-1.json"), (1, 1))
    write(tmp_path, "server-2.json", address="http://127.0.0.1:2")
    found = find_local_servers(tmp_path)
    assert [server.address for server in found] == ["http://127.0.0.1:2", "http://127.0.0.1:1"]
    assert found[0].tokens["trainer"] == "t"


def test_a_server_that_is_gone_is_passed_over(tmp_path):
    write(tmp_path, pid=2**22 + 1)
    assert find_local_servers(tmp_path) == []


def test_what_others_can_read_is_passed_over(tmp_path):
    write(tmp_path, mode=0o640)
    assert find_local_servers(tmp_path) == []


def test_a_directory_that_others_can_enter_is_passed_over(tmp_path):
    write(tmp_path)
    tmp_path.chmod(0o755)
    assert find_local_servers(tmp_path) == []


def test_a_link_is_passed_over(tmp_path):
    target = write(tmp_path, "server.txt")
    (tmp_path / "server-3.json").symlink_to(target)
    assert find_local_servers(tmp_path) == []


def test_connect_says_what_to_do_when_there_is_no_server(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with pytest.raises(LookupError, match="lachesis serve"):
        connect()


@pytest.mark.parametrize(
    "address, finds", [("localhost:1", "o"), ("http://127.0.0.1:1", "o"), ("127.0.0.1:2", None)]
)
def test_a_token_goes_only_to_the_address_that_its_server_wrote(
    tmp_path, monkeypatch, address, finds
):
    directory = tmp_path / "lachesis"
    directory.mkdir()
    write(directory)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with connect(address) as client:
        assert client._metadata() == ([("authorization", f"Bearer {finds}")] if finds else [])
