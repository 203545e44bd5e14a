# nginx for terminating TLS. Configuration and certificates are mounted, so that one image serves every stack.
FROM debian:bookworm-slim
RUN apt-get update && apt-get upgrade -y \
    && apt-get install -y --no-install-recommends nginx-light libnginx-mod-http-headers-more-filter \
    && apt-get clean && rm -rf /var/lib/apt/lists/* /etc/nginx/sites-enabled /var/www/html
COPY healthcheck.sh /usr/local/bin/healthcheck.sh
RUN chmod 0755 /usr/local/bin/healthcheck.sh
# www-data of the base system.
USER 33:33
EXPOSE 8443 8080
STOPSIGNAL SIGQUIT
# -e: before the configuration is read, errors would go to a file that a read-only root does not have.
CMD ["nginx", "-e", "/dev/stderr", "-c", "/srv/nginx/nginx.conf"]
