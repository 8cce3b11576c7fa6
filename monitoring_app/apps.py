from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    name = "monitoring_app"
    default_auto_field = "django.db.models.BigAutoField"
