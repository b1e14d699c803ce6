# One image for web, worker, beat and the migration step; docker-compose.yml says which is which.
FROM python:3.11-slim-bookworm AS packages
COPY requirements.txt /tmp/requirements.txt
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --require-hashes --requirement /tmp/requirements.txt

FROM python:3.11-slim-bookworm
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DJANGO_SETTINGS_MODULE=controlpanel.settings \
    PANEL_VAR=/var/lib/panel
RUN useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin panel \
    && install --directory --owner panel --mode 0700 /var/lib/panel
COPY --from=packages /opt/venv /opt/venv
WORKDIR /app
COPY manage.py ./
COPY controlpanel ./controlpanel
COPY static ./static
COPY templates ./templates
RUN python -m compileall -q controlpanel
USER panel
EXPOSE 8000
CMD ["gunicorn", "controlpanel.wsgi:application", "--config=python:controlpanel.runtime.gunicorn_worker", "--bind=0.0.0.0:8000", "--workers=1", "--threads=8", "--worker-tmp-dir=/dev/shm", "--no-control-socket"]
