// A resource server that trusts a Bailiwick. The middleware is express-oauth2-jwt-bearer (by Auth0), for Express.

const express = require('express');
const { auth, InsufficientScopeError } = require('express-oauth2-jwt-bearer');

const { ISSUER, AUDIENCE, PORT = '0' } = process.env;

const app = express();

// `strict` demands what RFC 9068 demands: `typ: at+jwt` and all its claims.
app.use(auth({
  issuer: ISSUER,
  jwksUri: `${ISSUER}/.well-known/jwks.json`,
  audience: AUDIENCE,
  tokenSigningAlg: 'RS256',
  strict: true,
  dpop: { enabled: false },
}));

// What one may do are our `permissions`.
const needs = (permission) => (request, _response, next) => {
  const held = request.auth.payload.permissions ?? [];
  next(held.includes(permission) ? undefined : new InsufficientScopeError([permission]));
};

app.get('/charts/:id', needs('charts:read'), (request, response) => {
  response.json({ chart: request.params.id, read_by: request.auth.payload.sub });
});

app.post('/prescriptions', needs('prescriptions:create'), (request, response) => {
  response.status(201).json({ prescribed_by: request.auth.payload.sub });
});

app.use((error, _request, response, _next) => {
  response.set(error.headers ?? {}).status(error.status ?? 500).json({ error: error.code ?? (error.status ? 'unauthorized' : 'internal') });
});

const server = app.listen(Number(PORT), '127.0.0.1', () => {
  console.log(JSON.stringify({ base_url: `http://127.0.0.1:${server.address().port}` }));
});
