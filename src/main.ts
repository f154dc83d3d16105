import { fail } from './phases/failure';
import { main } from './phases/main';

main().catch(fail);
