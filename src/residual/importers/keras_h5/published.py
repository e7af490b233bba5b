"""What the weights that keras.applications publishes expect of a photo.

Sources: keras 3.15.1, applications/imagenet_utils.py (modes "caffe" and "tf"), applications/resnet.py and resnet_v2.py
(which network uses which), and the documented way to a photo, keras.utils.load_img(path, target_size=(224, 224)).
"""

from residual.data.preprocessing import Preprocessing

IMAGENET_CLASSES = 1000

CAFFE = Preprocessing(
    resize="exact",
    resize_to=224,
    crop_fraction=1.0,
    interpolation="nearest",
    mean=(103.939, 116.779, 123.68),
    channels="bgr",
    source='keras.applications, mode "caffe", and keras.utils.load_img',
)
TENSORFLOW = Preprocessing(
    resize="exact",
    resize_to=224,
    crop_fraction=1.0,
    interpolation="nearest",
    mean=(127.5, 127.5, 127.5),
    std=(127.5, 127.5, 127.5),
    source='keras.applications, mode "tf", and keras.utils.load_img',
)
