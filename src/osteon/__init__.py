"""Osteon: from MRI to labelled bones, meshes and measurements."""
