from django.apps import AppConfig


class RuntimeConfig(AppConfig):
    name = "controlpanel.runtime"
