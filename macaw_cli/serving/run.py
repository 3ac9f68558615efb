"""`macaw serve`: load the model once, then answer until a signal comes."""

import socket
import sys
from pathlib import Path
from typing import Any, NoReturn

from macaw_cli.basics import console
from macaw_cli.basics.errors import Interrupted, UsageError
from macaw_cli.basics.shown_text import shown
from macaw_cli.basics.sigterm import sigterm_is_raised
from macaw_cli.basics.urls import without_secrets
from macaw_cli.config.loading import Workspace
from macaw_cli.config.serve_settings import ServeSettings
from macaw_cli.encoders.frozen import torch_device
from macaw_cli.encoders.source import quiet_transformers
from macaw_cli.inference.attachments import Attacher
from macaw_cli.inference.expert_texts import ModelExperts
from macaw_cli.model.folder import MODEL_FOLDER, load_model, model_folder, newest_model
from macaw_cli.model.media_embedder import BESIDE_LLM, MediaEmbedder, embedder_folder
from macaw_cli.model.model_encoders import ModelEncoders
from macaw_cli.model.packing.attention_choice import no_cudnn_attention
from macaw_cli.model.processing import MacawProcessor
from macaw_cli.serving.answers.answering import Answerer
from macaw_cli.serving.answers.local_model import LocalModel
from macaw_cli.serving.backend.backend import find_backend
from macaw_cli.serving.backend.remote_llm import RemoteLlm, some_embeds
from macaw_cli.serving.media.reading import MediaReader
from macaw_cli.serving.metrics import Metrics
from macaw_cli.serving.web.server_log import show_log
from macaw_cli.serving.web.service import Service
from macaw_cli.serving.web.web_server import WebServer


@no_cudnn_attention()
def serve(workspace: Workspace, model: Path | None, listening: socket.socket, key: str | None) -> NoReturn:
    """Serve a model, until a signal comes; then exits with 130 or 143.

    Args:
        workspace: its `serve` settings hold; encoders are looked for in it.
        model: a model or run folder; None means the workspace's newest.
        listening: see `listening.listening_socket`.
        key: the API key; None needs none.

    Raises:
        InputError: no model, or an encoder that is not found.
        MismatchError: an encoder other than the model's.
    """
    with listening:
        server = WebServer(service_of(workspace, model), workspace.settings.serve, listening, key)
        console.say(f"Serving {shown(server.service.model_name)} at {server.url}; OpenAI clients use {server.url}/v1.")
        console.say("An API key is needed." if key else "No API key is needed.")
        console.say("Press Ctrl-C to stop.")
        show_log()
        try:
            with sigterm_is_raised():
                server.run_here()
        except (KeyboardInterrupt, Interrupted) as stopped:
            console.say("Stopped.")
            sys.exit(stopped.exit_code if isinstance(stopped, Interrupted) else 130)
    sys.exit(0)


def service_of(workspace: Workspace, model: Path | None) -> Service:
    """Load a model, and what answers with it.

    Args:
        workspace: its `serve` settings hold.
        model: a model or run folder; None means the workspace's newest.

    Raises:
        InputError: no model, an encoder or expert that is not found, or no backend.
        MismatchError: an encoder or expert other than the model's, or a backend that refuses what it would be sent.
        UsageError: a model that needs its LLM here, or a backend whose URL or key is none.
    """
    settings = workspace.settings.serve
    if model and not settings.backend.url and (model / BESIDE_LLM).is_dir():
        problem = f"{model} holds an LLM that another server is to run."
        raise UsageError(problem, "Add --backend URL, or name the model that was exported.")
    find = embedder_folder if settings.backend.url else model_folder
    folder = find(model) if model else newest_model(workspace)
    with quiet_transformers():
        loaded, processor, answerer = _answering(folder, settings)
    experts = ModelExperts.of(loaded.config, folder, workspace, settings.device)
    attacher = Attacher(loaded.config, ModelEncoders(loaded, processor, folder, workspace), experts)
    attacher.load(attacher.modalities)  # what is wrong with one is told now, and the first request need not wait
    metrics = Metrics()
    media = MediaReader(attacher, settings, metrics)
    name = settings.model_name or _name_of(folder)
    return Service(answerer, media, settings, name, attacher.modalities, metrics)


def _answering(folder: Path, settings: ServeSettings) -> tuple[Any, MacawProcessor, Answerer]:
    """The model, its processor, and who answers with them: the model itself, or another server with its LLM."""
    device = torch_device(settings.device)
    if not settings.backend.url:
        model, processor = load_model(folder, device)
        return model, processor, LocalModel(model, processor.encoder, settings)
    embedder, processor = MediaEmbedder.load(folder, device)
    backend = find_backend(settings.backend, some_embeds(embedder))
    console.say(f"The LLM is {shown(backend.model)} at {without_secrets(backend.url)}.")
    return embedder, processor, RemoteLlm(embedder, processor.encoder, settings, backend)


def _name_of(folder: Path) -> str:
    """A run's name, or that of a model folder."""
    folder = folder.resolve()
    return folder.parent.name if folder.name in (MODEL_FOLDER, BESIDE_LLM) else folder.name
