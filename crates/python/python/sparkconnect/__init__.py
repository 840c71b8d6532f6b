"""Native PySpark sessions on Kubernetes, and batch jobs, by one client."""

from ._pyspark import VersionSkewWarning
from .client import SparkClient
from .config import (
    ConnectBackendConfig,
    GatewayBackendConfig,
    OperatorBackendConfig,
    SessionBackendConfig,
)
from .errors import (
    AlreadyExistsError,
    EndedError,
    InvalidInputError,
    NotFoundError,
    PermissionDeniedError,
    ProtocolError,
    SparkConnectError,
    TimedOutError,
    UnauthenticatedError,
    UnavailableError,
    UnsupportedError,
)
from .models import Application, ApplicationState, Progress, SessionInfo, SessionMetrics, SessionState
from .session import ManagedSparkSession

__all__ = [
    "AlreadyExistsError",
    "Application",
    "ApplicationState",
    "ConnectBackendConfig",
    "EndedError",
    "GatewayBackendConfig",
    "InvalidInputError",
    "ManagedSparkSession",
    "NotFoundError",
    "OperatorBackendConfig",
    "PermissionDeniedError",
    "Progress",
    "ProtocolError",
    "SessionBackendConfig",
    "SessionInfo",
    "SessionMetrics",
    "SessionState",
    "SparkClient",
    "SparkConnectError",
    "TimedOutError",
    "UnauthenticatedError",
    "UnavailableError",
    "UnsupportedError",
    "VersionSkewWarning",
]
