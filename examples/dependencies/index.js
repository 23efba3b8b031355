// Renders Markdown. Its packages are installed at deploy, as package-lock.json names them.
const markdown = require('markdown-it')();

exports.handler = async (req) => ({
  headers: { 'Content-Type': 'text/html; charset=utf-8' },
  body: markdown.render(req.body),
});
