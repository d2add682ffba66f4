import assert from 'node:assert/strict';
import { test } from 'node:test';
import { standardRedactor } from '../../../src/kernel/redaction.ts';

/** What is given, and what others see: words between blanks, `~` stands for a blank inside a word. */
const forms: readonly (readonly [given: string, shown: string])[] = [
  // An option and its value in two words.
  ['a --token abc b', 'a --token *** b'],
  ['a -password x', 'a -password ***'],
  ['a --client-secret-value abc', 'a --client-secret-value ***'],
  ['a --access-key abc --region eu', 'a --access-key *** --region eu'],
  ['a --password -dash', 'a --password ***'],
  ['a --password --verbose', 'a --password --verbose'],
  ['a --uuid 0af7-11', 'a --uuid ***'],
  // In one word.
  ['a --auth-token=abc', 'a --auth-token=***'],
  ['a --access-key=AKIA12', 'a --access-key=***'],
  ['a --db-password=x~y', 'a --db-password=***'],
  ['a --dbPassword=x --DB_PASSWORD=y', 'a --dbPassword=*** --DB_PASSWORD=***'],
  ['a --set=db.password=x', 'a --set=db.password=***'],
  ['a --header=X-Api-Key:~abc', 'a --header=X-Api-Key:~***'],
  // Headers.
  ['curl -H Authorization:~Bearer~abc.def', 'curl -H Authorization:~***'],
  ['curl -H authorization:token~abc', 'curl -H authorization:***'],
  ['curl -HX-Auth-Token:~a~b', 'curl -HX-Auth-Token:~***'],
  ['curl --header Cookie:~a=1;~b=2', 'curl --header Cookie:~***'],
  ['curl -H Accept:~*/*', 'curl -H Accept:~*/*'],
  // The environment.
  ['env API_KEY=abc HOME=/h', 'env API_KEY=*** HOME=/h'],
  ['docker run -e TOKEN=abc -e TZ=UTC img', 'docker run -e TOKEN=*** -e TZ=UTC img'],
  ['docker run -eDB_PASSWORD=abc --env=MY_SECRET_KEY=x img', 'docker run -eDB_PASSWORD=*** --env=MY_SECRET_KEY=*** img'],
  // URLs, and a user with a password.
  ['curl https://me:pw@host/p?q=1', 'curl https://***@host/p?q=1'],
  ['curl https://host/sub?user=a&token=abc&n=1#access_token=z', 'curl https://host/sub?user=a&token=***&n=1#access_token=***'],
  ['a --url=https://h/x?api_key=1', 'a --url=https://h/x?api_key=***'],
  ['curl -u me:pw http://h', 'curl -u me:*** http://h'],
  ['curl --proxy-user=me:pw http://h', 'curl --proxy-user=me:*** http://h'],
  ['docker run -u 1000:1000 img', 'docker run -u 1000:1000 img'],
  // Words with words inside.
  ['sh -c export~TOKEN=abc;~run~--password~hunter2', 'sh -c export~TOKEN=***;~run~--password~***'],
  ['sh -c exec~run~--auth-token=abc~--name=n', 'sh -c exec~run~--auth-token=***~--name=n'],
  ['a --link=vmess://eyJhZGQiOiJoIn0= -x', 'a --link=vmess://*** -x'],
  ['a --data {"password":"x","n":1}', 'a --data {"password":"***","n":1}'],
  ['a -d grant=x&client_secret=abc&n=1', 'a -d grant=x&client_secret=***&n=1'],
  // What is no secret stays.
  ['a --max-tokens 3 token', 'a --max-tokens 3 token'],
  ['run -c /etc/secret/config.json', 'run -c /etc/secret/config.json'],
  ['a --token-file /etc/t --password-policy=strict --auth-type basic', 'a --token-file /etc/t --password-policy=strict --auth-type basic'],
  ['run -D /var/lib/token -c edge.json', 'run -D /var/lib/token -c edge.json'],
];

const words = (line: string): readonly string[] => line.split(' ').map((word) => word.replaceAll('~', ' '));

for (const [given, shown] of forms) {
  test(`argv: ${given}`, () => assert.deepEqual(standardRedactor.command(words(given)), words(shown)));
  test(`twice changes nothing: ${shown}`, () => assert.deepEqual(standardRedactor.command(words(shown)), words(shown)));
}
