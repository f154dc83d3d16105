import { fail } from './phases/failure';
import { post } from './phases/post';

post().catch(fail);
