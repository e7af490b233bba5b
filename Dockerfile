# A server for one exported network. docs/serving.md has the commands that build and run it.
FROM python:3.12-slim AS build
WORKDIR /build
COPY pyproject.toml README.md LICENSE ./
COPY requirements/serving.txt requirements/
COPY src src
# What serving needs, without Keras and TensorFlow, which it never imports.
RUN python -m venv /opt/residual \
 && /opt/residual/bin/pip install --no-cache-dir -r requirements/serving.txt \
 && /opt/residual/bin/pip install --no-cache-dir --no-deps .

FROM python:3.12-slim
RUN useradd --system --uid 10001 --no-create-home residual
COPY --from=build /opt/residual /opt/residual
ENV PATH=/opt/residual/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001
WORKDIR /model
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["residual", "serve", "--host", "0.0.0.0", "--port", "8000"]
