// Answers with a web page: a string goes out as it is when its Content-Type is not JSON. Open it in a browser:
// http://127.0.0.1:8000/invoke/page?name=Ada
const escape = (text) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

exports.handler = (req) => ({
  headers: { 'Content-Type': 'text/html; charset=utf-8' },
  body: `<!doctype html><title>Hello</title><h1>Hello, ${escape(String(req.query.name ?? 'world'))}!</h1>\n`,
});
