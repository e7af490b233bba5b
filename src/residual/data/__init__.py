"""From an address to labelled pixels. Knows no Keras.

load             load_data and open_source: an address becomes a location, a source, a Dataset
location, named  where the images are: a path, an address, or a name that is searched for
readers/         one file for each layout, one row for each in READERS
source           the images of one place, listed and not decoded; its only way on is to a Dataset
images           Images and Dataset
words            words for splits, columns and arrays, and names of what is no data
folders          folders and files as one tree, from a disk or an archive; passed_over: what is not read
class_tree       the rules of class folders; split_folders finds the splits, label_tables labels beside the images
table_file       tables; table_images: which file a row means
archives         names in archives; tar_file reads a tar, tar_index finds the members of a large one
parquet_files    the files of a checkout, and of which split each is
arrays           raw arrays -> a source; array_choice finds them in a file, labels and pixels bring them into one form
decoding         many image files -> pixels and digests; image_file reads one, ordered_work keeps all cores busy
formats          the table of image formats; bit_depth: images of 16 bits that look black
pixel_store      pixels that are too many for the memory; on_demand decodes images when they are asked for, and
                 pixel_cache keeps them on a disk
digests          16 bytes for each image: duplicates, leaks; fingerprints of whole sets
splits, balance  splits that keep duplicates together; unequal classes
hdf5_file        the door to HDF5; hdf5_heaps looks for damage that hangs the library
cifar10, cifar100, pickled  the official files, read without trust
limits           what a file may ask for before it is believed
augment/         random changes of training images
drawn_hands/     the stand-in for SIGNS
"""
