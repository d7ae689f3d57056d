"""The routes."""

from django.urls import path

from examples.django_host import views

urlpatterns = [
    path("people", views.sign_up),
    path("session", views.session),
    path("balances", views.balances),
    path("orders", views.orders),
    path("orders/<int:order_id>", views.order),
    path("history", views.history),
    path("statistics", views.statistics),
    path("statement", views.statement),
    path("audit", views.audit_trail),
    path("operator/deposits", views.deposit),
]
