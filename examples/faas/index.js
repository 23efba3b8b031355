// A function of faas: `context` is the JSON of the request, `cb` answers with JSON.
module.exports = (context, cb) => {
  const numbers = context.numbers ?? [];
  return cb({ sum: numbers.reduce((sum, number) => sum + number, 0) });
};
