// Sends back what it was sent, byte for byte, and says how it came.
//
//   curl --data-binary @photo.jpg -H 'Content-Type: image/jpeg' 127.0.0.1:8000/invoke/echo/some/path > same.jpg
exports.handler = (req) => ({
  headers: {
    'Content-Type': req.headers['content-type'] ?? 'application/octet-stream', // look-ups ignore letter case
    'X-Method': req.method,
    'X-Path': req.path, // what follows /invoke/echo
  },
  body: req.rawBody, // the exact bytes; req.body is the same as text
});
