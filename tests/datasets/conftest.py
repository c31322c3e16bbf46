"""A publisher on loopback and a cache of its own for every test: no test needs the network."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pooch
import pytest

from forecaster.datasets.files import RemoteFile
from forecaster.datasets.local import LOCAL_DATA


class Publisher:
    """Serves the contents in `files` (path -> bytes) and remembers what was asked for."""

    def __init__(self):
        self.url = ""  # known when the server runs
        self.files = {}
        self.asked = []
        self.cut_after = None  # bytes sent before the connection is closed; None sends them all

    def publish(self, name, content):
        """Serve `content` and describe it as the catalog would."""
        self.files[f"/{name}"] = content
        return RemoteFile(f"{self.url}/{name}", hashlib.sha256(content).hexdigest())


@pytest.fixture
def publisher():
    publisher = Publisher()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            publisher.asked.append(self.path)
            content = publisher.files.get(self.path)
            if content is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: publisher.cut_after])

        def log_message(self, *_):
            """Keep the output of the tests clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        publisher.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield publisher
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache, and nothing of the settings of the person who runs the tests."""
    directory = tmp_path / "cache"
    monkeypatch.setattr(pooch, "os_cache", lambda name: directory / name)
    monkeypatch.delenv(LOCAL_DATA, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return directory / "keras-forecaster"
