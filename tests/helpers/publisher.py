"""A publisher of files on loopback, in the place of those of the catalog."""

import contextlib
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from forecaster.datasets.files import RemoteFile


class Publisher:
    """Serves the contents in `files` (path -> bytes) and remembers the paths of its requests."""

    def __init__(self):
        self.url = ""  # known when the server runs
        self.files = {}
        self.asked = []
        self.cut_after = None  # bytes sent before the connection is closed; None sends them all

    def publish(self, name, content):
        """Serve `content` and describe it as the catalog would."""
        self.files[f"/{name}"] = content
        return RemoteFile(f"{self.url}/{name}", hashlib.sha256(content).hexdigest())


@contextlib.contextmanager
def running_publisher() -> Iterator[Publisher]:
    """Run a publisher in a thread, until the context ends."""
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
