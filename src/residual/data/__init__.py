"""From an address to labelled pixels. Knows no Keras.

load             load_data and open_source: an address becomes a location, a source, a Dataset
location, named  where the images are: a path, an address, or a name that is searched for
readers/         one file for each layout, one row for each in READERS
source           the images of one place, listed and not decoded; its only way on is to a Dataset
images           Images and Dataset
class_tree       the rules of class folders
names            which split "valid" is, and the order of classes
arrays           raw arrays -> checked images; array_choice finds them in a file
decoding         many image files -> pixels and digests; image_file reads one, ordered_work keeps all cores busy
pixel_store      pixels that are too many for the memory
digests          16 bytes for each image: duplicates, leaks; fingerprints of whole sets
splits, balance  splits that keep duplicates together; unequal classes
hdf5_file        the door to HDF5; hdf5_heaps looks for damage that hangs the library
cifar10, pickled the official batches, read without trust
limits           what a file may ask for before it is believed
augment/         random changes of training images
drawn_hands/     the stand-in for SIGNS
"""
