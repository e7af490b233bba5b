"""The prediction server: an exported network behind HTTP, with a page, without Keras.

server        the process: socket, signals, the line that says where it listens; protocol limits each connection
app           all routes; guard: what holds for every request; refusals: errors as JSON
options       what `residual serve` was asked; quantities: "20MB" and "3ms" as numbers
service       what the routes share: engine, batches, threads that decode, counters
batching      images of several requests become one batch; a bounded queue
bodies        the bytes of a request, within limits; uploads, multipart: the images in them
predict       POST /predict; explain: POST /explain, by occlusion; verdict judges an answer
v2            the Open Inference Protocol; tensors: its arrays as JSON and as bytes
page          what a browser gets; assets/ holds templates, style and script
openapi       the description of the interface
metrics       counters as Prometheus reads them
"""
