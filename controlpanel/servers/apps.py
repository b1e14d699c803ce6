from django.apps import AppConfig


class ServersConfig(AppConfig):
    name = "controlpanel.servers"
