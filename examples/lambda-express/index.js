// An Express app. serverless-http makes a handler for AWS Lambda of it, which the contract "lambda" calls. Before you zip it:
//
//   (cd examples/lambda-express && npm install)
//   curl 127.0.0.1:8000/invoke/lambda-express/greetings -H 'Content-Type: application/json' -d '{"name":"Ada"}'
const express = require('express');
const serverless = require('serverless-http');

const app = express();
app.get('/', (req, res) => res.json({ message: 'Hello, world!' }));
app.post('/greetings', express.json(), (req, res) =>
  res.status(201).json({ message: `Hello, ${req.body.name}!` }),
);

exports.handler = serverless(app);
