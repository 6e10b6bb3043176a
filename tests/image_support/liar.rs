//! A stick that lies: from some moment on it says that it wrote, and did not. QEMU reaches it as a
//! network block device (its protocol: doc/proto.md of NetworkBlockDevice/nbd), over a local socket.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// "NBDMAGIC", and the number of the old negotiation, which is one message of the server.
const GREETING: (&[u8; 8], u64) = (b"NBDMAGIC", 0x0000_4202_8186_1253);
/// There are flags, and one may ask for all to be written out.
const FLAGS: u32 = 1 | 1 << 2;
const REQUEST: u32 = 0x2560_9513;
const REPLY: u32 = 0x6744_6698;

/// See the module.
pub struct Liar {
    forgets: Arc<AtomicBool>,
}

impl Liar {
    /// Serves a stick's file, truthfully so far.
    pub fn start(socket: &Path, file: &Path) -> Liar {
        let forgets = Arc::new(AtomicBool::new(false));
        let listener = UnixListener::bind(socket).expect("a socket for the stick");
        let file = OpenOptions::new().read(true).write(true).open(file);
        let (file, liar) = (file.expect("a stick"), Arc::clone(&forgets));
        std::thread::spawn(move || {
            // One after the other: a stick is in one machine. It ends when it is pulled out.
            for stream in listener.incoming().flatten() {
                let _ = serve(stream, &file, &liar);
            }
        });
        Liar { forgets }
    }

    /// From now on nothing is written any more.
    pub fn begin_to_forget(&self) {
        self.forgets.store(true, Ordering::SeqCst);
    }
}

fn serve(mut stream: UnixStream, file: &File, forgets: &AtomicBool) -> io::Result<()> {
    stream.write_all(GREETING.0)?;
    stream.write_all(&GREETING.1.to_be_bytes())?;
    stream.write_all(&file.metadata()?.len().to_be_bytes())?;
    stream.write_all(&FLAGS.to_be_bytes())?;
    stream.write_all(&[0; 124])?;
    loop {
        let mut head = [0; 28];
        stream.read_exact(&mut head)?;
        let number = |at: usize| u32::from_be_bytes(head[at..at + 4].try_into().expect("four"));
        assert_eq!(number(0), REQUEST, "QEMU speaks this protocol");
        let offset = u64::from_be_bytes(head[16..24].try_into().expect("eight"));
        let mut data = vec![0; number(24) as usize];
        let mut answer = Vec::new();
        // The command; above it flags that were not offered.
        match number(4) & 0xffff {
            0 => {
                file.read_exact_at(&mut data, offset)?;
                answer = data;
            }
            1 => {
                stream.read_exact(&mut data)?;
                if !forgets.load(Ordering::SeqCst) {
                    file.write_all_at(&data, offset)?;
                }
            }
            2 => return Ok(()),
            _ => {}
        }
        stream.write_all(&REPLY.to_be_bytes())?;
        stream.write_all(&[0; 4])?;
        stream.write_all(&head[8..16])?;
        stream.write_all(&answer)?;
    }
}
