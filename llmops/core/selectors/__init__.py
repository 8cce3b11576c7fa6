from llmops.core.selectors.connections import connection_by_name, connections_for_project
from llmops.core.selectors.health import connection_limits, worker_seen_at

__all__ = ["connection_by_name", "connection_limits", "connections_for_project", "worker_seen_at"]
