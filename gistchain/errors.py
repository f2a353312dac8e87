"""Every error that gistchain raises on purpose.

GistchainError
├── SettingError        an option, environment variable or settings file has a value that can't be used
├── ImageError          the input is not an image, or not one that can be used safely
│   └── DecodingFailed  the machine could not read it now, for want of memory for example: it may be fine
├── PacketError         bytes that are not a gist packet, or a damaged one
├── CaptionError        a caption can't be made or can't be used
├── CollectionError     a folder of tokens does not fit together, or is too little to learn from
├── ModelError          a model or its weights are missing, damaged or of the wrong kind
│   └── TooFewBytes     a latent coder can't do with so few
├── AlreadyRegistered   the account has a token for the very same image
├── CopyRefused         an image was judged a copy, and copies were not wanted
├── ContentRefused      an image is not safe for work, and nobody has allowed it on a public chain
├── KernelError         loops of ours can't be made machine code on this machine
├── LinkError           a gist can't be sent over this channel, or nothing of it arrived
├── FileError           a file or folder of ours can't be used
│   ├── FileBusy        another process holds it
│   ├── FileDamaged     it is not what was written
│   └── DiskFull        no space left, or a file must not grow; nothing was written
├── RarenessError       rareness can't be measured, or not with the registered images that are here
│   ├── OtherFingerprint  their fingerprints are of another version
│   └── DatabaseLost    the database is not the one that the home had, or lacks what was in it
├── SearchError         a search of the internet can't be made, or its answer can't be read
├── RebuildError        no isotope can be made from this gist
└── LedgerError         the chain refused, or can't be reached
    ├── UnknownToken    no token has this id
    ├── NodeDown        the node doesn't answer; what was asked may still happen
    ├── WrongChain      the node is on another chain than the one expected
    ├── OutOfGas        the account or the transaction can't pay
    └── NotConfirmed    a person would have to allow it, and has not: the cost, or what can't be taken back
A message says what happened, to what, and what to do.
"""

from __future__ import annotations


class GistchainError(Exception):
    """Base of all of them."""


class SettingError(GistchainError):
    pass


class ImageError(GistchainError):
    pass


class DecodingFailed(ImageError):
    pass


class PacketError(GistchainError):
    pass


class CaptionError(GistchainError):
    pass


class CollectionError(GistchainError):
    pass


class ModelError(GistchainError):
    pass


class TooFewBytes(ModelError):
    pass


class AlreadyRegistered(GistchainError):
    """token: the id of the registration that is there."""

    def __init__(self, message: str, token: int) -> None:
        super().__init__(message)
        self.token = token


class CopyRefused(GistchainError):
    pass


class ContentRefused(GistchainError):
    pass


class KernelError(GistchainError):
    pass


class LinkError(GistchainError):
    pass


class FileError(GistchainError):
    pass


class FileBusy(FileError):
    pass


class FileDamaged(FileError):
    pass


class DiskFull(FileError):
    pass


class RarenessError(GistchainError):
    pass


class OtherFingerprint(RarenessError):
    pass


class DatabaseLost(RarenessError):
    pass


class SearchError(GistchainError):
    pass


class RebuildError(GistchainError):
    pass


class LedgerError(GistchainError):
    pass


class UnknownToken(LedgerError):
    pass


class NodeDown(LedgerError):
    pass


class WrongChain(LedgerError):
    pass


class OutOfGas(LedgerError):
    pass


class NotConfirmed(LedgerError):
    pass
