#!/bin/sh
# The browser for browser tests: the one of the system, installed when that is allowed.
# Without it those tests say why they skip.
# Without a user interface of its own where the system has that: it takes a third of the processor's time.
command -v chromium-headless-shell >/dev/null 2>&1 && exit 0
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing Chromium for the browser tests ..."
    export DEBIAN_FRONTEND=noninteractive
    {
        apt-get update -qq
        apt-get install -y -qq --no-install-recommends chromium-headless-shell ||
            command -v chromium || apt-get install -y -qq --no-install-recommends chromium
    } >/dev/null 2>&1 </dev/null
fi
for name in chromium-headless-shell chromium chromium-browser google-chrome google-chrome-stable; do
    command -v "$name" >/dev/null 2>&1 && exit 0
done
if [ "$(id -u)" -eq 0 ]; then
    echo "Chromium could not be installed: browser tests are skipped."
else
    echo "There is no Chromium, and only root may install it: browser tests are skipped."
fi
