"""What a server loads: gunicorn --preload examples.django_host.wsgi."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "examples.django_host.settings")
application = get_wsgi_application()
