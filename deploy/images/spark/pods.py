"""The least of a Kubernetes API with which a Spark driver can start its executors: a pod is a process of this machine. For the
training of the class-data archive, which is to have the classes of a driver that works on Kubernetes.
"""

import http.server
import json
import os
import subprocess
import threading
import time
import uuid

HOST = "127.0.0.1"


class Api(http.server.ThreadingHTTPServer):
    """Serves on a free port until `stop`; `url` is what follows `k8s://` in a Spark master."""

    daemon_threads = True

    def __init__(self):
        super().__init__((HOST, 0), Handler)
        self.url = f"http://{HOST}:{self.server_port}"
        self.pods, self.processes = {}, []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def add_pod(self, pod):
        meta = pod["metadata"]
        meta.update(uid=str(uuid.uuid4()), namespace="default", resourceVersion="1", creationTimestamp=now())
        pod["status"] = {"phase": "Running", "podIP": HOST, "startTime": now(), "conditions": [{"type": "Ready", "status": "True"}]}
        self.pods[meta["name"]] = pod
        for container in pod["spec"]["containers"]:
            if container.get("args") == ["executor"]:
                self.processes.append(run(container, meta["name"]))

    def stop(self):
        for process in self.processes:
            process.kill()
            process.wait()
        self.shutdown()


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def run(container, name):
    fields = {"status.podIP": HOST, "metadata.name": name}
    environment = {
        entry["name"]: entry.get("value") or fields.get(entry.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath"), "")
        for entry in container.get("env", [])
    }
    return subprocess.Popen(["/opt/entrypoint.sh", "executor"], env={**os.environ, **environment, "SPARK_LOCAL_IP": HOST})


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path, _, query = self.path.partition("?")
        name = path.rpartition("/pods/")[2]
        if "watch=true" in query:
            # No web sockets here: the client then asks in plain HTTP, and hears nothing.
            self.answer({"kind": "Status"}) if "Upgrade" in self.headers else self.hold()
        elif name in self.server.pods:
            self.answer(self.server.pods[name])
        elif path.endswith("/pods"):
            pods = list(self.server.pods.values())
            self.answer({"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": pods})
        else:
            self.answer({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}, 404)

    def do_POST(self):
        value = json.loads(self.body())
        if value["kind"] == "Pod":
            self.server.add_pod(value)
        self.answer(value, 201)

    def do_PATCH(self):
        self.body()
        self.answer(self.server.pods.get(self.path.rpartition("/")[2], {"kind": "Status"}))

    def do_DELETE(self):
        self.body()
        self.answer({"kind": "Status", "apiVersion": "v1", "status": "Success"})

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self, value, code=200):
        content = json.dumps(value).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def hold(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.flush()
        threading.Event().wait()

    def log_message(self, *_):
        pass
