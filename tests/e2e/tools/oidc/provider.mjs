// The OpenID provider of npm, oidc-provider, as a test wants it: machines that get tokens for resources by their secret,
// signed (RFC 9068) or opaque (RFC 7662). Arguments: the folder where it is installed, port, file of keys (made when it is
// not there), algorithm.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { pathToFileURL } from 'node:url';

const [folder, port, file, algorithm] = process.argv.slice(2);
const { default: Provider } = await import(pathToFileURL(`${folder}/node_modules/oidc-provider/lib/index.js`));
const KINDS = {
  RS256: ['rsa', { modulusLength: 2048 }],
  PS256: ['rsa', { modulusLength: 2048 }],
  ES256: ['ec', { namedCurve: 'P-256' }],
  EdDSA: ['ed25519', {}],
};

if (!existsSync(file)) {
  const { privateKey } = generateKeyPairSync(...KINDS[algorithm]);
  const jwk = { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), alg: algorithm, use: 'sig' };
  writeFileSync(file, JSON.stringify({ keys: [jwk] }));
}

const resources = {
  'https://models.test': 'jwt',
  'https://other.test': 'jwt',
  'https://opaque.test': 'opaque',
};
const machine = (client_id) => ({
  client_id,
  client_secret: `secret of ${client_id}`.replaceAll(' ', '-'),
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
  scope: 'predict',
  // It never gets ID tokens, but the provider wants an algorithm that it has.
  id_token_signed_response_alg: algorithm,
});

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [machine('batch'), machine('postern')],
  jwks: JSON.parse(readFileSync(file, 'utf8')),
  scopes: ['predict'],
  enabledJWA: { idTokenSigningAlgValues: [algorithm] },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (ctx, resource) => ({
        scope: 'predict',
        audience: resource,
        accessTokenTTL: 600,
        accessTokenFormat: resources[resource],
        jwt: { sign: { alg: algorithm } },
      }),
    },
  },
});
provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
