"""Macaw as a transformers model: configuration, processor, fusion, bridges, injections."""
