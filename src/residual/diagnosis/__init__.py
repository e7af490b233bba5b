"""What is wrong with a trained network, each symptom with a measured threshold, its figures and a remedy.

check       what was measured for one symptom, and the whole diagnosis
patient     a run with what is measured of it once: answers, gradients, activations
layers      activations and gradients, layer by layer
norms       moving statistics of batch norms beside those of the data
remedies    the commands that change a training
symptoms/   one file for each symptom, one row in `SYMPTOMS`
diagnose    a patient -> a diagnosis
"""
