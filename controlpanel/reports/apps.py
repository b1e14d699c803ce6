from django.apps import AppConfig


class ReportsConfig(AppConfig):
    name = "controlpanel.reports"
