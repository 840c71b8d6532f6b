"""Which back end, and how it is reached. Each configuration is one class; what is not given has the default that is written here."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Dict, Optional


@dataclass
class BackendConfig:
    """What every configuration is."""

    backend: ClassVar[str]
    """The back end's name."""

    def _told(self) -> Dict[str, Any]:
        """All of it, for the native module. Secrets are in it."""
        told = asdict(self)
        return {"backend": self.backend, "options": told}


@dataclass
class SessionBackendConfig(BackendConfig):
    """Sessions as SparkSession resources of this project's operator."""

    backend: ClassVar[str] = "session"

    namespace: Optional[str] = None
    """Namespace of sessions; absent: the context's own."""
    server: Optional[str] = None
    """The SparkConnectServer for sessions that name none; absent: the namespace's only one."""
    reach: str = "auto"
    """By which way sessions are reached: ``direct``, ``port-forward``, or ``auto``, straight where that works."""
    timeout: float = 300
    """Longest wait for a session to live, in seconds."""
    kubeconfig: Optional[str] = None
    """Path of a kubeconfig; absent: KUBECONFIG, ``~/.kube/config``, or the pod's own credentials."""
    context: Optional[str] = None
    """Its context; absent: the present one."""


@dataclass
class ConnectBackendConfig(BackendConfig):
    """Sessions of any Spark Connect server, 3.5 to 4.3, by its URL."""

    backend: ClassVar[str] = "connect"

    connect_url: str
    """``sc://host:port``, with parameters as PySpark reads them."""
    token: Optional[str] = field(default=None, repr=False)
    """The token that the server or its proxy demands."""
    use_ssl: Optional[bool] = None
    """TLS; absent: what the URL says, and TLS where it says nothing."""
    ca: Optional[str] = None
    """Path of the authorities' certificates to trust, PEM; absent: those of the system."""
    server_name: Optional[str] = None
    """The name that the server's certificate must have, where it is not the host's."""
    user_id: Optional[str] = None
    """Who sessions belong to; absent: what the URL says, else the user of this process."""
    allow_plaintext_token: bool = False
    """Whether a token may be sent without TLS to a host that is not this one."""
    timeout: float = 300
    """Longest time for a session to be made, in seconds."""
    grpc_max_message_size: int = 128 * 1024 * 1024
    """Longest message in bytes."""
    metadata: Dict[str, str] = field(default_factory=dict[str, str], repr=False)
    """More headers of every call."""
    ui_address: Optional[str] = None
    """``host:port`` of the server's UI, whose REST API counts what sessions do; absent: the URL's host, port 4040."""


@dataclass
class OperatorBackendConfig(BackendConfig):
    """Batch jobs by kubeflow's or Apache's Spark operator."""

    backend: ClassVar[str] = "operator"

    namespace: Optional[str] = None
    """Namespace of applications; absent: the context's own."""
    operator: Optional[str] = None
    """``kubeflow`` or ``apache``; absent: whichever the cluster has."""
    kubeconfig: Optional[str] = None
    """Path of a kubeconfig; absent: KUBECONFIG, ``~/.kube/config``, or the pod's own credentials."""
    context: Optional[str] = None
    """Its context; absent: the present one."""


@dataclass
class GatewayBackendConfig(BackendConfig):
    """Batch jobs by Livy's REST API, straight or through a gateway before it."""

    backend: ClassVar[str] = "livy"

    url: str
    """``http://host:8998`` or ``https://…``, with a path where a gateway has Livy below one."""
    user: Optional[str] = None
    """User of HTTP's basic authentication."""
    password: Optional[str] = field(default=None, repr=False)
    """Its password."""
    headers: Dict[str, str] = field(default_factory=dict[str, str], repr=False)
    """More headers of every request, such as a token that a gateway demands. Livy's ``X-Requested-By`` is always sent."""
    ca: Optional[str] = None
    """Path of the authorities' certificates to trust, PEM; absent: those of the system. For https only."""
    timeout: float = 30
    """Longest time for one request, in seconds."""
    allow_plaintext_password: bool = False
    """Whether a password, or an ``Authorization`` header, may be sent without TLS to a host that is not this one."""
