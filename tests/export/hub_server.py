"""A small server with the endpoints of the model hub that an upload needs; it keeps what it is sent."""

import base64
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Hub(BaseHTTPRequestHandler):
    """Repositories are dictionaries of the server: name to files."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Say nothing."""

    def do_GET(self):
        repository = "/".join(self.path.split("/")[3:5])
        if repository not in self.server.repositories:
            self._answer({"error": "Repository not found"}, 404)
        elif "/tree/" in self.path:
            files = self.server.repositories[repository]
            self._answer([{"type": "file", "path": name, "size": 1, "oid": "0" * 40} for name in files])
        else:
            self._answer({"id": repository, "sha": "0" * 40, "siblings": [
                {"rfilename": name} for name in self.server.repositories.get(repository, ())]})  # fmt: skip

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append((self.path, self.headers.get("Authorization"), body[:2000]))
        if self.headers.get("Authorization") != "Bearer hf_secretsecret":
            self._answer({"error": "who are you?"}, 401)
        elif self.path == "/api/repos/create":
            said = json.loads(body)
            name = f"{said.get('organization') or 'me'}/{said['name']}"
            self.server.private = said.get("private") or said.get("visibility") == "private"
            self.server.repositories.setdefault(name, {".gitattributes": b""})
            self._answer({"url": f"http://{self.headers['Host']}/{name}", "name": name, "id": "1"})
        elif "/preupload/" in self.path:
            files = json.loads(body)["files"]
            self._answer({"files": [
                {"path": one["path"], "uploadMode": "regular", "shouldIgnore": False} for one in files]})  # fmt: skip
        elif "/commit/" in self.path:
            rows = [json.loads(line) for line in body.splitlines() if line.strip()]
            kept = self.server.repositories["/".join(self.path.split("/")[3:5])]
            for row in rows:
                if row["key"] == "file":
                    kept[row["value"]["path"]] = base64.b64decode(row["value"]["content"])
                elif row["key"] == "deletedFile":
                    kept.pop(row["value"]["path"])
            url = f"http://{self.headers['Host']}/me/x/commit/{'0' * 40}"
            self._answer({"success": True, "commitOid": "0" * 40, "commitUrl": url, "hookOutput": ""})
        else:
            self._answer({"errors": [], "warnings": []})

    def _answer(self, content, status=200):
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def hub_server():
    """A server on a free port; `repositories`, `seen` and `private` are its attributes."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.repositories, server.seen, server.private = {}, [], None
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
