"""Decoding of image, audio and video files."""
