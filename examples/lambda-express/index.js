// An Express app. serverless-http makes a handler for AWS Lambda of it, which the contract "lambda" calls. The packages that
// package.json names are installed at deploy.
//
//   node scripts/zip.mjs examples/lambda-express lambda-express.zip
//   curl -F file=@lambda-express.zip http://127.0.0.1:8000/deploy
//   curl 127.0.0.1:8000/invoke/lambda-express/greetings -H 'Content-Type: application/json' -d '{"name":"Ada"}'
const express = require('express');
const serverless = require('serverless-http');

const app = express();
app.get('/', (req, res) => res.json({ message: 'Hello, world!' }));
app.post('/greetings', express.json(), (req, res) =>
  res.status(201).json({ message: `Hello, ${req.body.name}!` }),
);

exports.handler = serverless(app);
