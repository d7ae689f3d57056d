"""A Django host: an app config that holds the exchange, Django's own people and sessions, a middleware for errors.

    $ credit-trading --home database/trading init
    $ python -m examples.django_host.manage migrate
    $ python -m examples.django_host.manage createsuperuser
    $ python -m examples.django_host.manage runserver
    $ gunicorn --preload --workers 2 examples.django_host.wsgi

Set HOST_SECRET, CREDIT_TRADING_HOME and HOST_PEOPLE in the environment.
"""
