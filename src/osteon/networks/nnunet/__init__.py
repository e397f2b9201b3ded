"""What nnU-Net (Isensee et al. 2021, doi 10.1038/s41592-020-01008-z) trained, as a model folder of Osteon."""
