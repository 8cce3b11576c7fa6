from llmops.core.selectors.connections import connection_by_name, connections_for_project

__all__ = ["connection_by_name", "connections_for_project"]
