"""A Django project with projects and credits of its own, in step with the exchange: see docs/host-integration.md.

$ export DJANGO_SETTINGS_MODULE=examples.django_credits.settings
$ export CREDIT_TRADING_HOST_ADAPTER=examples.django_credits.adapter:adapter
$ python -m examples.django_credits.manage migrate --run-syncdb
$ credit-trading host init
$ credit-trading host sync --follow
"""
