import { testedMajor } from '@pgstow/testing/machine/tested-postgres.ts';
import { chooseClients, findClients, type Clients } from '../src/client/client-version.ts';

/** The client programs that a worker takes for the tested server. */
export async function testedClients(): Promise<Clients> {
  return chooseClients(await findClients(), testedMajor());
}
